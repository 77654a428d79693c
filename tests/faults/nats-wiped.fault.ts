import { rmSync } from 'node:fs';
import { dataFolderOfNats, drillWithoutNats, strikeNats } from './without-nats.js';

const drill = drillWithoutNats('nats-wiped');

drill.fault('nats-wiped', (strike) => {
  const folder = dataFolderOfNats(drill);
  return strikeNats(drill, strike, () => rmSync(folder, { recursive: true }));
});
