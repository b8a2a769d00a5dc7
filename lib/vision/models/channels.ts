/** The multiple of `divisor` next to a number of channels, at least `least`, and not less than nine tenths of it. */
export function makeDivisible(value: number, divisor: number, least = divisor): number {
  const near = Math.max(least, Math.floor(Math.trunc(value + divisor / 2) / divisor) * divisor)
  return near < 0.9 * value ? near + divisor : near
}
