// Numbers as people read them.

const count = new Intl.NumberFormat("en");

/** 12345 as 12,345. */
export const counted = (n) => count.format(n);

/** "1 row", "2 rows". */
export const plural = (n, noun, many = `${noun}s`) => `${counted(n)} ${n === 1 ? noun : many}`;

/** A probability as a percentage; never 0 % or 100 % unless it is. */
export function percent(p) {
  if (p > 0 && p < 0.0005) return "<0.1 %";
  if (p < 1 && p > 0.9995) return ">99.9 %";
  return `${(100 * p).toFixed(p === 1 || p === 0 ? 0 : 1)} %`;
}

/** A contribution with its sign; a true minus, which screen readers name. */
export const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(Math.abs(value) < 10 ? 3 : 1)}`;

/** A number of bytes. */
export function bytes(n) {
  const units = ["bytes", "KB", "MB", "GB"];
  let at = 0;
  while (n >= 1000 && at < 3) [n, at] = [n / 1000, at + 1];
  return `${at ? n.toFixed(n < 10 ? 1 : 0) : n} ${units[at]}`;
}
