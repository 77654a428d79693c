import { drillWithoutNats, strikeNats } from './without-nats.js';

const drill = drillWithoutNats('nats-down');

drill.fault('nats-down', (strike) => strikeNats(drill, strike));
