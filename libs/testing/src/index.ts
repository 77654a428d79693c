export { dyingWithUs } from './dying-with-us.js';
export { eventually } from './eventually.js';
export { FakeClock } from './fake-clock.js';
export { freePort, startNatsServer } from './nats-server.js';
export type { NatsServer } from './nats-server.js';
export { seededRandom } from './seeded-random.js';
export { TestAuthority } from './test-authority.js';
export type { IssuedCertificate } from './test-authority.js';
