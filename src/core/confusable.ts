/**
 * What a name looks like: two names of one skeleton are hard to tell apart in common fonts. Of names as the catalog takes them (lower-case ASCII),
 * after Unicode's confusables (UTS 39, section 4), with `i` beside `1` and `l`, and the two ways to join words.
 */
export function skeletonOf(name: string): string {
  return name.replaceAll('rn', 'm').replaceAll('vv', 'w').replaceAll('0', 'o').replaceAll(/[1i]/g, 'l').replaceAll(/[_-]+/g, '-')
}
