// A receiver of Ruta's webhooks. Node 18 or newer, nothing but its standard library.
//
// RUTA_SECRET: `whsec_…`, or two with a comma while a key is being replaced. RUTA_ORIGIN: who may send here.
// RUTA_STORE: the file that keeps the events. PORT: listens there on 127.0.0.1, behind a web server with TLS.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import fs from "node:fs";
import http from "node:http";

const LIMIT = 64 * 1024; // bytes

// -- take this into your own system: from here ------------------------------------------------------

/** The keys of `whsec_…,whsec_…`. Anything else is an error: with an empty key anybody could sign. */
function readKeys(secrets) {
  return secrets.split(",").map((text) => {
    const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text.trim())?.[1] ?? "";
    const key = Buffer.from(base64, "base64");
    if (key.length < 24) throw new Error("RUTA_SECRET: each secret is whsec_ and the base64 of at least 24 bytes.");
    return key;
  });
}

/** Whether Ruta sent this, within 5 minutes. Three headers (undefined if missing), and the body's bytes as they came. */
function verify(keys, id, timestamp, signatures, body) {
  if (!id || !timestamp || !signatures) return false;
  if (!/^[A-Za-z0-9_-]+$/.test(id) || !/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const given = signatures.split(" ").map((item) => Buffer.from(item)); // another version equals none of ours
  return keys.some((key) => {
    const ours = Buffer.from("v1," + createHmac("sha256", key).update(signed).digest("base64"));
    return given.some((item) => item.length === ours.length && timingSafeEqual(item, ours));
  });
}

// -- to here ----------------------------------------------------------------------------------------

/** The event's epoch, which grows when Ruta is restored from a backup; 0 if it has none. */
function epochOf(event) {
  return Number.isInteger(event.epoch) ? event.epoch : 0;
}

/** What is kept: the hash and the epoch of each event by its id. Yours is a table with the id as its key. */
function readStore(path) {
  const seen = new Map();
  fs.closeSync(fs.openSync(path, "a", 0o600));
  for (const line of fs.readFileSync(path, "utf8").split("\n")) {
    try {
      const kept = JSON.parse(line);
      seen.set(kept.id, { sha256: kept.sha256, epoch: epochOf(kept.event) });
    } catch {
      // empty, or cut short by a crash: never answered with 2xx, so Ruta sends it again
    }
  }
  return seen;
}

/** The status to answer: 204 new and on disk, 200 kept before, 409 the same id with another body. */
function keep(id, epoch, body) {
  const sha256 = createHash("sha256").update(body).digest("hex");
  const kept = seen.get(id);
  // A greater epoch: Ruta was restored from a backup, and sends what is kept with other numbers.
  if (kept) return sha256 === kept.sha256 || epoch > kept.epoch ? 200 : 409;
  const event = body.toString("utf8").replace(/[\r\n]/g, " ");
  const file = fs.openSync(process.env.RUTA_STORE, "a", 0o600);
  try {
    // The first newline ends a line that a crash cut short.
    fs.writeFileSync(file, `\n{"event":${event},"id":"${id}","sha256":"${sha256}"}\n`);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  seen.set(id, { sha256, epoch });
  return 204;
}

/** The status, headers and body to answer. */
async function receive(request) {
  const { method, headers } = request;
  if (method === "OPTIONS") { // Ruta asks whether it may send here
    if (headers["webhook-request-origin"] !== origin) return [403];
    return [200, { "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*", Allow: "OPTIONS, POST" }];
  }
  if (method !== "POST") return [405, { Allow: "OPTIONS, POST" }];
  if (Number(headers["content-length"]) > LIMIT) return [413];
  const chunks = [];
  let size = 0;
  for await (const chunk of request) if ((size += chunk.length) <= LIMIT) chunks.push(chunk);
  if (size > LIMIT) return [413];
  const body = Buffer.concat(chunks);
  const id = headers["webhook-id"];
  if (!verify(keys, id, headers["webhook-timestamp"], headers["webhook-signature"], body)) return [401];
  let event;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return [400];
  }
  if (typeof event?.type !== "string") return [400];
  if (event.type !== "endpoint.challenge") return [keep(id, epochOf(event), body)];
  const answer = JSON.stringify({ challenge: event.data?.challenge }); // it proves that this address is yours
  return [200, { "Content-Type": "application/json" }, answer];
}

const keys = readKeys(process.env.RUTA_SECRET ?? "");
const origin = process.env.RUTA_ORIGIN;
if (!origin) throw new Error("RUTA_ORIGIN is empty.");
const seen = readStore(process.env.RUTA_STORE);
const server = http.createServer(async (request, response) => {
  // 503: not kept, so not received: Ruta sends it again
  const [status, headers, body] = await receive(request).catch(() => [503]);
  response.writeHead(status, { ...headers, Connection: "close" }).end(body);
});
server.requestTimeout = 15_000; // milliseconds, for a whole request
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
