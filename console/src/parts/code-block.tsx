import { CopyButton } from './copy-button.js'
import { shownText } from './shown-text.js'
import classes from './code-block.module.css'

/** Exact text, whole and never cut; what is hidden in it stands there as an escape. `label` says to a screen reader what it is. */
export function CodeBlock({ text, label, copy }: { text: string; label: string; copy?: string }) {
  return (
    <div className={classes.block}>
      <pre tabIndex={0} role="region" aria-label={label}><code>{text.split('\n').map(shownText).join('\n')}</code></pre>
      {copy !== undefined && <CopyButton text={copy} />}
    </div>
  )
}

/** Any JSON value, indented. */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2) ?? 'null'
  return <CodeBlock text={text} label={label} copy={text} />
}

/**
 * The command that does the same: whatever the console can do, the CLI can. It comes last, before the buttons of a dialog. `line`: of a builder beside the page, made by `cliLine`;
 * a second one on a page has a `label` of its own.
 */
export function CliLine({ line, label = 'The same with the CLI' }: { line: string; label?: string }) {
  return (
    <div className={classes.cli}>
      {/* The block has it as its name. */}
      <p aria-hidden="true" className={classes.caption}>{label}</p>
      <CodeBlock text={line} label={label} copy={line} />
    </div>
  )
}
