// npm's oauth2-mock-server, with a person and a class of assurance; it prints its address and ends with its input.
import { Events, OAuth2Server } from 'oauth2-mock-server';

const person = JSON.parse(process.argv[2]);
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, '127.0.0.1');
server.service.on(Events.BeforeTokenSigning, (token) => {
  Object.assign(token.payload, { sub: person.sub, acr: person.acr, auth_time: Math.floor(Date.now() / 1000) });
});
server.service.on(Events.BeforeUserinfo, (answer) => { answer.body = person; });
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
console.log(`ready ${server.issuer.url}`);
