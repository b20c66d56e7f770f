import { Section } from '../../parts/section.js'
import { LazyMarkdown } from './lazy-markdown.js'
import classes from './agents.module.css'

/** A prompt as it reads, in a box that scrolls by itself. */
export function PromptPreview({ prompt }: { prompt: string }) {
  return <Section title="Preview"><div className={classes.preview} role="group" aria-label="Prompt as it reads" tabIndex={0}><LazyMarkdown text={prompt} /></div></Section>
}
