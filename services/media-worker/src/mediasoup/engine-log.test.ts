import { expect, test } from 'vitest';
import { isExpected } from './engine-log.js';

const clamp = 'webrtc::GoogCcNetworkController::ClampConstraints() |';
const handle = 'Worker::HandleRequest() | throwing MediaSoupNotFoundError:';
const find = 'RTC::Transport::AssertAndGetConsumerById() | throwing MediaSoupNotFoundError:';

test.each([
  `[pid:1] ${clamp} start bitrate smaller than min bitrate [starting_rate_:30000, min_data_rate_:200000]`,
  `[pid:1] ${handle} Channel request handler with ID d8 not found [method:dataConsumer.getBufferedAmount]`,
  `[pid:1] ${find} DataConsumer not found [method:transport.closeDataConsumer]`,
])('is expected: %s', (line) => {
  expect(isExpected(line)).toBe(true);
});

test.each([
  `[pid:1] ${clamp} max bitrate smaller than min bitrate [max_data_rate_:1, min_data_rate_:2]`,
  `[pid:1] ${handle} Channel request handler with ID d8 not found [method:consumer.dump]`,
  `[pid:1] ${find} Consumer not found [method:transport.closeConsumer]`,
])('is told of: %s', (line) => {
  expect(isExpected(line)).toBe(false);
});
