import { createTwoFilesPatch } from 'diff'
import classes from './diff-view.module.css'

/** As the server's own differences: more than this is not matched line by line. */
const maxEditLength = 3_000

/** The unified difference of two texts, without the names of files. */
export function unifiedDiff(before: string, after: string): string {
  const patch = createTwoFilesPatch('before', 'after', before, after, undefined, undefined, { context: 3, maxEditLength })
  if (patch !== undefined) return patch.replace(/^=+\n/, '')
  const signed = (sign: string, text: string) => text.replace(/\n$/, '').split('\n').map((line) => `${sign}${line}`)
  return [...signed('-', before), ...signed('+', after)].join('\n')
}

const kinds: Record<string, [kind: string, word: string]> = { '+': ['added', 'added: '], '-': ['removed', 'removed: '], '@': ['place', ''] }

/** A unified difference, such as `Approval.diff`. The server has hidden characters as escapes in it; pass texts of your own through `definitionText` first. */
export function DiffView({ diff, label }: { diff: string; label: string }) {
  if (diff.trim() === '') return <p>No difference.</p>
  const lines = diff.replace(/\n$/, '').split('\n')
  return (
    <pre className={classes.diff} tabIndex={0} role="region" aria-label={label}>
      {lines.map((line, at) => {
        const isName = line.startsWith('+++ ') || line.startsWith('--- ')
        const [kind, word] = isName ? ['name', ''] : kinds[line[0] ?? ''] ?? ['same', '']
        return <span key={at} data-kind={kind}>{word !== '' && <span className="visually-hidden">{word}</span>}{line}{'\n'}</span>
      })}
    </pre>
  )
}
