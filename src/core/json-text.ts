/** A text in double quotes; also one that is never closed, to the end of its line. */
const quoted = /"(?:[^"\\\n]|\\.)*"?/.source
/** Also one that is never closed, to the end: it is left as it is. */
const comment = /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)/.source
/** Blanks of Unicode, and what has no width, as pages that show code put it in; JSON has four kinds of its own. */
const oddBlank = /[^\S \t\n\r]|[\u200b\u2060]/.source

const noise = new RegExp(`${quoted}|(${comment}|${oddBlank})`, 'g')
/** One that stands where a value is missing is a mistake, and stays. */
const lastComma = new RegExp(`${quoted}|(?<![{[,:][ \\t\\n\\r]*)(,)(?=[ \\t\\n\\r]*[}\\]])`, 'g')

/**
 * What editors take for JSON as JSON: comments, commas before a closing bracket, and blanks that JSON does not know become spaces. Everything else is as it
 * was, and where it was: a place in the answer is the place in the text.
 */
export function plainJson(text: string): string {
  const blanked = text.replace(noise, (part, found: string | undefined) => (found === undefined || isUnclosed(found) ? part : part.replace(/[^\n]/g, ' ')))
  return blanked.replace(lastComma, (part, comma: string | undefined) => (comma === undefined ? part : ' '))
}

const isUnclosed = (found: string) => found.startsWith('/*') && !(found.length > 3 && found.endsWith('*/'))
