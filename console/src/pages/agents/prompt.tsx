import { Button } from '@mantine/core'
import { useState } from 'react'
import { CodeBlock } from '../../parts/code-block.js'
import { OutsideLines } from '../../parts/outside-text.js'
import { Pane, PaneLink } from '../../parts/workspace.js'
import { LazyMarkdown } from './lazy-markdown.js'

/** What a detail shows without being buried under it. */
const shortLines = 30
const shortLength = 1_500
const openingLines = 6
const openingLength = 400

/** A short prompt as it reads, of a long one how it begins; in the workspace all of it, also as it was written. */
export function Prompt({ name, text }: { name: string; text: string }) {
  const lines = text.split('\n')
  const isShort = lines.length <= shortLines && text.length <= shortLength
  const opening = lines.slice(0, openingLines).join('\n').slice(0, openingLength)
  return (
    <>
      {isShort ? <LazyMarkdown text={text} /> : <p><OutsideLines>{opening}</OutsideLines> …</p>}
      <p><PaneLink name="prompt">{isShort ? 'Open it, with its source' : `Read all of it (${new Intl.NumberFormat('en').format(lines.length)} ${lines.length === 1 ? 'line' : 'lines'})`}</PaneLink></p>
      <Pane name="prompt" title="The whole prompt" of={name}><Whole text={text} /></Pane>
    </>
  )
}

function Whole({ text }: { text: string }) {
  const [isSource, setSource] = useState(false)
  return (
    <>
      <div><Button variant="default" size="compact-sm" aria-pressed={isSource} onClick={() => setSource(!isSource)}>As written</Button></div>
      {isSource ? <CodeBlock text={text} label="The prompt as it was written" copy={text} /> : <LazyMarkdown text={text} />}
    </>
  )
}
