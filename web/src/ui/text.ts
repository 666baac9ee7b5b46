/** Numbers, sizes and times as the page writes them. */

/** Three significant digits, without exponent: "0.42", "12.3", "1,770". */
export function rounded(value: number): string {
  const power = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  const step = 10 ** (power - 2);
  const digits = Math.min(3, Math.max(0, 2 - power));
  return (Math.round(value / step) * step).toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: Math.min(digits, 1) });
}

export function volume(ml: number): string {
  return `${rounded(ml)} ml`;
}

export function bytes(count: number): string {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return power === 0 ? `${count} ${count === 1 ? "byte" : "bytes"}` : `${rounded(count / 1000 ** power)} ${units[power]}`;
}

export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** "in about 2 min"; empty while there is nothing to estimate from. */
export function remaining(elapsedMs: number, share: number): string {
  if (share <= 0.02 || share >= 1 || elapsedMs < 2000) return "";
  const seconds = ((elapsedMs / share) * (1 - share)) / 1000;
  return seconds < 90 ? `about ${Math.max(1, Math.round(seconds / 5) * 5)} s left` : `about ${Math.round(seconds / 60)} min left`;
}

export function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${rounded(value)}`;
}
