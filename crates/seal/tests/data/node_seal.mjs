// Seals, opens and fingerprints with Node's crypto module (OpenSSL), written from README.md alone, so that the
// crate is checked against an implementation it shares no code with.
//   node node_seal.mjs vectors > vectors.json    the committed known answers; every run gives the same
//   node node_seal.mjs < jobs.json               [{"do": "open", …}, …] in, the list of answers out
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";

const TAG = { authTagLength: 16 };

const hkdf = (master, info, length) =>
  Buffer.from(hkdfSync("sha256", Buffer.from(master, "hex"), "mako seal v1", info, length));

const field = (text) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text)]);
};
const slotBytes = ({ table, column, user, row }) => Buffer.concat([table, column, user, row].map(field));
const slotKey = (purpose, master, slot) => hkdf(master, Buffer.concat([Buffer.from(purpose), slotBytes(slot)]), 32);

const keyId = (master) => hkdf(master, "key id", 4);
const header = (master) => Buffer.concat([Buffer.from([1]), keyId(master)]);

function seal({ master, slot, secret, nonce = randomBytes(12).toString("hex") }) {
  const start = Buffer.concat([header(master), Buffer.from(nonce, "hex")]);
  const cipher = createCipheriv("aes-256-gcm", slotKey("slot key", master, slot), start.subarray(5), TAG);
  cipher.setAAD(Buffer.concat([header(master), slotBytes(slot)]));
  const ciphertext = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([start, ciphertext, cipher.getAuthTag()]).toString("base64");
}

function open({ master, slot, sealed }) {
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < 33 || !bytes.subarray(0, 5).equals(header(master))) return null;
  const decipher =
    createDecipheriv("aes-256-gcm", slotKey("slot key", master, slot), bytes.subarray(5, 17), TAG);
  decipher.setAAD(Buffer.concat([header(master), slotBytes(slot)]));
  decipher.setAuthTag(bytes.subarray(-16));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(17, -16)), decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}

const fingerprint = ({ master, slot, secret }) =>
  `1.${keyId(master).toString("hex")}.` +
  createHmac("sha256", slotKey("fingerprint", master, slot)).update(secret).digest("hex");

// As the CRM does it: the key is stretched from the 64 characters as text, and the IV has 16 bytes.
function legacySeal({ encryption_key, secret, iv = randomBytes(16).toString("hex") }) {
  const key = scryptSync(encryption_key, "scalemako-salt-v1", 32);
  const cipher = createCipheriv("aes-256-gcm", key, Buffer.from(iv, "hex"));
  let ciphertext = cipher.update(secret, "utf8", "base64");
  ciphertext += cipher.final("base64");
  return [Buffer.from(iv, "hex").toString("base64"), cipher.getAuthTag().toString("base64"), ciphertext].join(":");
}

function vectors() {
  const masters = [
    "5a1f0c93be6d7e2248d1a90b3cf4e67788121fd0a4b35c6e9f0de1827364b5ca",
    "e0b7425d19c86fa3370d4e95b1ac28f60b9d83e47215cf6a58d2093bfe471c86",
  ];
  const encryption_key = "9C41f7d05e3ab82616cb7f90e2d4583ba15d6e0f49c7328b64f1a09de8357b2c";
  const alice = { table: "api_keys", column: "encrypted_key", user: "6d1f7a52-94c4-4d53-9f5e-2b1a5f0c7e11", row: "vapi" };
  const cases = [
    [0, alice, "sk-live-4eC39HqLyjWDarjtT1zdp7dc"],
    [1, alice, "sk-live-4eC39HqLyjWDarjtT1zdp7dc"],
    [0, { ...alice, row: "twilio" }, "AC0123456789:a token with spaces"],
    [0, { ...alice, user: "zoë" }, "clé secrète 🔑"],
    [0, { table: "", column: "", user: "", row: "" }, ""],
    [1, { ...alice, table: "webhook_endpoints", column: "secret" }, "0123456789abcdef".repeat(32)],
  ];
  const legacy = ["sk-live-4eC39HqLyjWDarjtT1zdp7dc", "clé secrète 🔑", "x".repeat(500)];
  const counted = (bytes, number) => Buffer.alloc(bytes, 0x40 + number).toString("hex");
  return {
    masters: masters.map((master) => ({ master, id: keyId(master).toString("hex") })),
    sealed: cases.map(([key, slot, secret], number) => {
      const given = { master: masters[key], slot, nonce: counted(12, number), secret };
      return { ...given, sealed: seal(given), fingerprint: fingerprint(given) };
    }),
    legacy: legacy.map((secret, number) => {
      const given = { encryption_key, iv: counted(16, number), secret };
      return { ...given, value: legacySeal(given) };
    }),
  };
}

const does = { seal, open, fingerprint, legacySeal, keyId: ({ master }) => keyId(master).toString("hex") };
if (process.argv[2] === "vectors") {
  console.log(JSON.stringify(vectors(), null, 1));
} else {
  console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((job) => does[job.do](job))));
}
