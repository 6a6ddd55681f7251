// Verifies a token with npm's jose, as a verifier elsewhere would: {"token", "jwks", "issuer", "now"} on standard
// input, {"claims", "header"} or {"error"} on standard output.
import { createLocalJWKSet, jwtVerify } from "./jose-6.2.17.mjs";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { token, jwks, issuer, now } = JSON.parse(text);
try {
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
    algorithms: ["RS256"],
    issuer,
    currentDate: now ? new Date(now) : undefined,
  });
  console.log(JSON.stringify({ claims: payload, header: protectedHeader }));
} catch (error) {
  console.log(JSON.stringify({ error: error.code }));
}
