import { visibleText } from '../../../src/core/definition-text.js'

/** One line with what is hidden in it as escapes. Where there is something, backslashes are doubled, so that a text which merely says so is told apart. */
export function shownText(line: string): string {
  const visible = visibleText(line)
  return visible === line.replaceAll('\\', '\\\\') ? line : visible
}
