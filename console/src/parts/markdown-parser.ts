import { fromMarkdown } from 'mdast-util-from-markdown'

export type MarkdownTree = ReturnType<typeof fromMarkdown>
export type MarkdownNode = MarkdownTree['children'][number]

/** More than this is not worth drawing: its text is shown as it was written. */
const mostNodes = 20_000
/** Quotes and lists in each other. */
const deepest = 30

function isDrawable(tree: MarkdownTree): boolean {
  const open: Array<[MarkdownTree | MarkdownNode, number]> = [[tree, 0]]
  for (let seen = 0; open.length > 0; seen++) {
    const [node, depth] = open.pop()!
    if (seen > mostNodes || depth > deepest) return false
    if ('children' in node) for (const child of node.children) open.push([child, depth + 1])
  }
  return true
}

// A worker of its own: some texts take the parser minutes, and then it is ended (use-markdown.ts). The answer is null for what is not to be drawn.
addEventListener('message', ({ data }: MessageEvent<string>) => {
  const tree = fromMarkdown(data)
  postMessage(isDrawable(tree) ? tree : null)
})
