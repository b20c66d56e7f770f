import { shownText } from './shown-text.js'

/**
 * Text that somebody else wrote: names, descriptions, commands, reasons. Never markup (React escapes it), kept apart from its surroundings when its
 * letters run from right to left, and what nobody would see in it stands there as an escape.
 */
export function OutsideText({ children }: { children: string }) {
  return <bdi>{shownText(children)}</bdi>
}

/** Several lines of it, each by itself, so that line ends stay line ends. */
export function OutsideLines({ children }: { children: string }) {
  return <>{children.split('\n').map((line, at) => <span key={at}>{at > 0 && <br />}<OutsideText>{line}</OutsideText></span>)}</>
}

/** A link if it leads to the web, else the text alone: `javascript:` and its kin are no addresses here. */
export function OutsideLink({ href }: { href: string }) {
  if (!isWebAddress(href)) return <OutsideText>{href}</OutsideText>
  return <a href={href} rel="noopener noreferrer nofollow" target="_blank"><OutsideText>{href}</OutsideText></a>
}

export function isWebAddress(href: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(href).protocol)
  } catch {
    return false
  }
}
