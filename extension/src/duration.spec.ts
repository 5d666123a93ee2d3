import { formatDuration } from './duration';

it.each([
  [0, '0 s'],
  [59.9, '59 s'],
  [60, '1:00'],
  [3599, '59:59'],
  [3661, '1:01:01']
])('writes %d seconds as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
