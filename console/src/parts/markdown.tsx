import { createElement, type ReactNode } from 'react'
import { type MarkdownNode, type MarkdownTree } from './markdown-parser.js'
import { isWebAddress, OutsideText } from './outside-text.js'
import { shownText } from './shown-text.js'
import { useMarkdown } from './use-markdown.js'
import classes from './markdown.module.css'

type Parent = MarkdownTree | Extract<MarkdownNode, { children: unknown[] }>

/**
 * Markdown (CommonMark) from outside. Only what is listed here becomes an element: HTML stands there as its text, an image as its alternative text,
 * and a link leads to the web or nowhere. Every text shows what is hidden in it.
 */
export function Markdown({ text }: { text: string }) {
  const read = useMarkdown(text)
  if (read.state === 'READING') return <p role="status">Reading…</p>
  if (read.state === 'READ') return <div className={classes.markdown}>{childrenOf(read.tree, { source: read.text, urls: urlsOf(read.tree), levels: levelsOf(read.tree) })}</div>
  return <pre className={classes.source} tabIndex={0}>{linesShown(text)}</pre>
}

const linesShown = (text: string) => text.split('\n').map(shownText).join('\n')

interface Written {
  source: string
  /** Of `[label]: address`, by label; the first one counts. */
  urls: ReadonlyMap<string, string>
  /** Of headings. */
  levels: ReadonlyMap<MarkdownNode, number>
}

function urlsOf(tree: MarkdownTree): Map<string, string> {
  return new Map(tree.children.flatMap((node) => (node.type === 'definition' ? [[node.identifier, node.url] as const] : [])).reverse())
}

/** Below the two levels of the page, and never a level left out, whatever the text does: who listens finds the way by them. */
function levelsOf(tree: MarkdownTree): Map<MarkdownNode, number> {
  const levels = new Map<MarkdownNode, number>()
  let last = 2
  const visit = (node: MarkdownNode | MarkdownTree) => {
    if (node.type === 'heading') levels.set(node, last = Math.min(6, node.depth + 2, last + 1))
    if ('children' in node) node.children.forEach(visit)
  }
  visit(tree)
  return levels
}

function childrenOf(node: Parent, written: Written): ReactNode[] {
  return node.children.map((child, at) => <Element key={at} node={child} written={written} />)
}

function Element({ node, written }: { node: MarkdownNode; written: Written }): ReactNode {
  const inside = () => childrenOf(node as Parent, written)
  switch (node.type) {
    case 'text': return node.value.split('\n').map((line, at) => <span key={at}>{at > 0 && ' '}<OutsideText>{line}</OutsideText></span>)
    case 'paragraph': return <p>{inside()}</p>
    case 'heading': return createElement(`h${written.levels.get(node) ?? 6}`, null, inside())
    case 'emphasis': return <em>{inside()}</em>
    case 'strong': return <strong>{inside()}</strong>
    case 'blockquote': return <blockquote>{inside()}</blockquote>
    case 'list': return node.ordered === true ? <ol start={node.start ?? 1}>{inside()}</ol> : <ul>{inside()}</ul>
    case 'listItem': return <li>{inside()}</li>
    case 'thematicBreak': return <hr />
    case 'break': return <br />
    case 'inlineCode': return <code><OutsideText>{node.value}</OutsideText></code>
    case 'code': return <pre tabIndex={0}><code>{linesShown(node.value)}</code></pre>
    case 'link': return <Address url={node.url}>{inside()}</Address>
    case 'linkReference': return <Address url={written.urls.get(node.identifier) ?? ''}>{inside()}</Address>
    case 'image': return <Picture alt={node.alt ?? ''} url={node.url} />
    case 'imageReference': return <Picture alt={node.alt ?? ''} url={written.urls.get(node.identifier) ?? ''} />
    case 'definition': return null
    // What nothing is made of: HTML, and what the parser knows only with extensions.
    case 'html': case 'yaml': case 'delete': case 'footnoteDefinition': case 'footnoteReference': case 'table': case 'tableCell': case 'tableRow':
      return <code className={classes.raw}>{linesShown(sourceOf(node, written))}</code>
  }
}

function sourceOf({ position }: MarkdownNode, { source }: Written): string {
  return source.slice(position?.start.offset ?? 0, position?.end.offset ?? 0)
}

function Address({ url, children }: { url: string; children: ReactNode }) {
  if (!isWebAddress(url)) return <>{children}{url !== '' && <> (<code><OutsideText>{url}</OutsideText></code>)</>}</>
  return <a href={url} title={shownText(url)} rel="noopener noreferrer nofollow" target="_blank">{children}</a>
}

function Picture({ alt, url }: { alt: string; url: string }) {
  return <span className={classes.picture}>image: <OutsideText>{alt === '' ? url : alt}</OutsideText></span>
}
