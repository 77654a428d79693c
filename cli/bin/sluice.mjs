#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);

if (existsSync(main)) {
  await import(main);
} else {
  console.error('sluice is not built yet; in the root of the tree: make build');
  process.exitCode = 1;
}
