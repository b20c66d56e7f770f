import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { type VerdictKind } from '../../generated/graphql.js'
import { Badge, ScopeBadge, type Tone } from '../../parts/badge.js'
import { Findings } from '../../parts/findings.js'
import { OutsideText } from '../../parts/outside-text.js'
import { type Effect, type Trial } from './use-trial.js'
import classes from './policy.module.css'

const verdicts: Record<VerdictKind, [tone: Tone, word: string]> = { ALLOW: ['good', 'allowed'], NEEDS_APPROVAL: ['warn', 'needs approval'], DENY: ['bad', 'denied'] }
const shownAtOnce = 50

/** "12 entries change: 3 denied, 9 allowed." */
export function effectsText({ effects, isMore }: Pick<Trial, 'effects' | 'isMore'>): string {
  if (effects.length === 0) return 'No entry changes.'
  const parts = (['DENY', 'NEEDS_APPROVAL', 'ALLOW'] as const).flatMap((kind) => {
    const count = effects.filter(({ after }) => after.kind === kind).length
    return count === 0 ? [] : [`${count} ${kind === 'NEEDS_APPROVAL' ? (count === 1 ? 'needs approval' : 'need approval') : verdicts[kind][1]}`]
  })
  return `${isMore ? 'More than ' : ''}${effects.length} ${effects.length === 1 ? 'entry changes' : 'entries change'}: ${parts.join(', ')}.`
}

/** Which entries change from what to what, and why. */
export function Effects({ effects }: { effects: readonly Effect[] }) {
  const [shown, setShown] = useState(shownAtOnce)
  return (
    <>
      <ul className={classes.effects} aria-label="Entries that change">{effects.slice(0, shown).map((effect) => <li key={effect.entry.id}><OneEffect effect={effect} /></li>)}</ul>
      {effects.length > shown && <div><Button variant="default" onClick={() => setShown(shown + shownAtOnce)}>Show more</Button></div>}
    </>
  )
}

function OneEffect({ effect: { entry, before, after } }: { effect: Effect }) {
  const viewer = useViewer()
  const name = <OutsideText>{entry.name}</OutsideText>
  return (
    <>
      <p className={classes.effect}>
        <Link to={`/${entry.kind === 'AGENT' ? 'agents' : 'integrations'}/all/${entry.id}`}>{name}</Link> {entry.kind === 'AGENT' && <Badge>agent</Badge>}
        <ScopeBadge owner={entry.owner} viewerId={viewer.id} />
        <Verdict kind={before.kind} /> <span aria-hidden="true">→</span><span className="visually-hidden">becomes</span> <Verdict kind={after.kind} />
      </p>
      <Findings findings={after.findings} />
    </>
  )
}

function Verdict({ kind }: { kind: VerdictKind }) {
  const [tone, word] = verdicts[kind]
  return <Badge tone={tone}>{word}</Badge>
}
