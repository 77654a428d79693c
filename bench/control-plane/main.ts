// Measures the control plane alone and prints what it found: `node bench/dist/control-plane/main.js`.
import { measureControlPlane } from './measure.js';
import { controlPlaneSection } from './section.js';

const say = (line: string) => void process.stderr.write(`${line}\n`);
const from = process.argv[2] === undefined ? undefined : Number(process.argv[2]);
const found = await measureControlPlane({ evenIfDisturbed: true, say }, from);
process.stdout.write(controlPlaneSection(found));
process.exit();
