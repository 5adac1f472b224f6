import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { reservePort } from "./port.ts";
import type { RedisServer } from "./redis.ts";
import { startRedisOn } from "./redis.ts";
import { needTool } from "./tool.ts";

export interface TlsRedis extends RedisServer {
  /** The file of its certificate, which has signed itself. */
  readonly certificate: string;
}

/** Starts Redis on 127.0.0.1 with TLS only. */
export async function startRedisTls(): Promise<TlsRedis> {
  const reserved = await reservePort();
  const server = await startRedisOn([reserved], async (directory) => {
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    const request = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const subject = ["-subj", "/CN=revkv", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"];
    await promisify(execFile)(needTool("openssl"), [...request, ...subject, "-keyout", key, "-out", certificate]);
    return {
      port: 0,
      "tls-port": reserved.port,
      "tls-cert-file": certificate,
      "tls-key-file": key,
      "tls-auth-clients": "no",
    };
  });
  return {
    ...server,
    url: `rediss://127.0.0.1:${reserved.port}`,
    certificate: join(server.directory, "certificate.pem"),
  };
}
