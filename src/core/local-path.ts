/** Of the platform, which differs: this is checked without the types of Node or of a browser. */
declare const URL: { new (text: string, base: string): { origin: string; pathname: string; search: string; hash: string }; canParse: (text: string, base: string) => boolean }

/**
 * A path of our own, whatever somebody put into a link: never another origin, in none of the spellings that browsers make one of.
 * @returns `/` for everything else
 */
export function localPath(text: string | null): string {
  if (text === null || text.length > 2_000 || !isPlain(text) || !URL.canParse(text, base)) return '/'
  const { origin, pathname, search, hash } = new URL(text, base)
  const path = `${pathname}${search}${hash}`
  // Dots may have been folded into two slashes at the beginning.
  return origin === base && isPlain(path) ? path : '/'
}

const base = 'http://own.invalid'
/** One slash, and then none of what browsers take for a second one or leave out. */
const isPlain = (path: string) => /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.includes('\\')
