/** Tries to connect, in vain, and says why it failed. */
import type { KeyValueError } from "@revkv/api";
import type { PostgresOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const options = JSON.parse(process.argv[2] ?? "") as PostgresOptions;
await connect(options).catch((error: KeyValueError) => process.stdout.write(error.code));
