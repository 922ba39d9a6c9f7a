// Signs tokens with Node's crypto module (OpenSSL), so that the crate is checked against an implementation
// it shares no code with. Run: node node_vectors.mjs > node_vectors.json
// (ES256 signatures are random, so a new run gives other tokens; the committed ones stay good.)
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const pem = readFileSync(new URL("./test_only_rsa_2048.pem", import.meta.url), "utf8");
const rsa = createPrivateKey(pem.slice(pem.indexOf("-----BEGIN")));
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const secret = "a secret of the test vectors, 40 bytes..";

const claims = {
  aud: "authenticated", email: "zoë@example.com", exp: 2000003600, iat: 2000000000,
  iss: "https://ref.supabase.co/auth/v1", role: "authenticated", sub: "6d1f7a52-94c4-4d53-9f5e-2b1a5f0c7e11",
};
const b64 = (value) => Buffer.from(value).toString("base64url");
const message = (header) => `${b64(JSON.stringify(header))}.${b64(JSON.stringify(claims))}`;
const token = (header, signer) => `${message(header)}.${b64(signer(message(header)))}`;

console.log(JSON.stringify({
  secret,
  claims,
  jwks: { keys: [
    { ...ec.publicKey.export({ format: "jwk" }), kid: "node-ec", alg: "ES256", use: "sig", key_ops: ["verify"] },
    { ...createPublicKey(rsa).export({ format: "jwk" }), kid: "node-rsa", alg: "RS256", use: "sig" },
  ] },
  hs256: token({ alg: "HS256", typ: "JWT" }, (m) => createHmac("sha256", secret).update(m).digest()),
  hs512: token({ alg: "HS512", typ: "JWT" }, (m) => createHmac("sha512", secret).update(m).digest()),
  es256: token({ alg: "ES256", kid: "node-ec", typ: "JWT" }, (m) =>
    sign("sha256", Buffer.from(m), { key: ec.privateKey, dsaEncoding: "ieee-p1363" })),
  es256_der: token({ alg: "ES256", kid: "node-ec", typ: "JWT" }, (m) =>
    sign("sha256", Buffer.from(m), { key: ec.privateKey, dsaEncoding: "der" })),
  rs256: token({ alg: "RS256", kid: "node-rsa", typ: "JWT" }, (m) => sign("sha256", Buffer.from(m), rsa)),
  rs512: token({ alg: "RS512", kid: "node-rsa", typ: "JWT" }, (m) => sign("sha512", Buffer.from(m), rsa)),
}, null, 1));
