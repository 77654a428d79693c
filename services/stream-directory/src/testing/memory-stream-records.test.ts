import { MemoryStreamRecords } from './memory-stream-records.js';
import { streamRecordsContract } from './stream-records.contract.js';

streamRecordsContract('memory', () => new MemoryStreamRecords());
