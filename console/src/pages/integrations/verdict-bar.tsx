import { type ReactNode } from 'react'
import { Link } from 'react-router'
import { deploymentOwner } from '../../../../src/core/owner.js'
import { type Finding, type Problem } from '../../data/problem.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { type VerdictKind } from '../../generated/graphql.js'
import { CodeBlock } from '../../parts/code-block.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { lineOf, type ServerDraft } from './server-draft.js'
import classes from './add.module.css'

export interface VerdictBarProps {
  draft: ServerDraft
  owner: NamedOwner
  /** null: nobody was asked yet. */
  kind: VerdictKind | null
  /** How many of the findings that are shown refuse it. */
  marked: number
  /** Findings of no field of the form. */
  whole: readonly Finding[]
  /** Of the dry run itself. */
  problem: Problem | null
  isStale: boolean
  /** Why the last try was refused. */
  refusal: Problem | null
  /** Brings the first field that is marked into sight. */
  onFirst: () => void
  children: ReactNode
}

/** What would become of it, said before anything is sent, and the button that sends it. */
export function VerdictBar({ draft, owner, kind, marked, whole, problem, isStale, refusal, onFirst, children }: VerdictBarProps) {
  return (
    <div className={classes.bar}>
      <Findings findings={whole} />
      <InlineError problem={problem} />
      <div aria-live="polite" aria-busy={isStale}>{kind !== null && <Verdict draft={draft} owner={owner} kind={kind} marked={marked} onFirst={onFirst} />}</div>
      <InlineError problem={refusal} />
      <div className={classes.actions}>{children}<span className={classes.hint}>{isStale ? 'Looking through it…' : <span className={classes.keys}>Ctrl+Enter does the same.</span>}</span></div>
    </div>
  )
}

/** Whom a request waits for; a policy can let maintainers decide what their team has. */
export const approversOf = ({ kind }: NamedOwner): string => (kind === 'TEAM' ? 'An admin, or where the policy says so a maintainer of the team,' : 'An admin')

function Verdict({ draft, owner, kind, marked, onFirst }: Pick<VerdictBarProps, 'draft' | 'owner' | 'marked' | 'onFirst'> & { kind: VerdictKind }) {
  if (kind === 'DENY' && marked <= 0) return <p>Something is missing yet.</p>
  if (kind === 'DENY') {
    return (
      <>
        <p className={classes.refused}>As it is, it would be refused: {marked === 1 ? 'one thing is' : `${marked} things are`} marked. <button type="button" className={classes.link} onClick={onFirst}>Go to the first</button></p>
        <PolicyHint />
      </>
    )
  }
  if (kind === 'ALLOW') return <p className={classes.allowed}>{draft.isEnabled ? 'It needs no approval.' : 'It needs no approval, and stays disabled.'}</p>
  const line = lineOf(draft)
  return (
    <>
      <p className={classes.waits}>{approversOf(owner)} has to approve {line === null ? 'it' : 'this command line:'}</p>
      {line !== null && <CodeBlock text={line} label="Command line to approve" />}
    </>
  )
}

/** For whoever is the admin that findings tell to ask. What is typed here stays, since the policy opens beside it. */
function PolicyHint() {
  if (!useViewer().can('WRITE_POLICY', deploymentOwner)) return null
  return <p className={classes.hint}>You may change <Link to="/policy/deployment" target="_blank">the policy</Link> (it opens in another window); once it is saved, this is looked through again.</p>
}
