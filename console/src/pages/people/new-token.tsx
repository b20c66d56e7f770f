import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { type MakeTokenMutation, MakeTokenDocument, type TokenKind } from '../../generated/graphql.js'
import { CodeBlock } from '../../parts/code-block.js'
import { CopyButton } from '../../parts/copy-button.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { FormPage } from './form-page.js'
import { addTokenLine, usualDays } from './people-lines.js'
import { servedOwners } from './served-owners.js'

const changed: readonly Topic[] = ['tokens']

interface NewTokenProps {
  kind: TokenKind
  /** For somebody else; null, as by default, for oneself, and for workers. */
  userId?: string | null
  back: { to: string; label: string }
}

/** The form, and then the token: it is in the answer alone, and gone with this page. */
export function NewToken({ kind, userId = null, back }: NewTokenProps) {
  const [name, setName] = useState('')
  const [days, setDays] = useState(usualDays[kind])
  const [serves, setServes] = useState('')
  const [made, setMade] = useState<MakeTokenMutation['createAccessToken'] | null>(null)
  const { run, isRunning, problem } = useAction(MakeTokenDocument, changed)
  if (made !== null) return <Made made={made} kind={kind} back={back} />
  const owners = servedOwners(serves)
  const wrong = owners.find(({ owner }) => owner === null)
  const make = async () => {
    if (wrong !== undefined) return
    const served = owners.flatMap(({ owner }) => (owner === null ? [] : [owner]))
    const answer = await run({ input: { kind, name, expiresInDays: Number(days), ...(userId !== null && { userId }), ...(served.length > 0 && { serves: served }) } })
    if (answer !== null) setMade(answer.createAccessToken)
  }
  return (
    <FormPage
      title={kind === 'WORKER' ? 'Add a worker token' : 'Add a token'} back={back} isRunning={isRunning} problem={problem}
      cli={addTokenLine({ kind, name, userId, days, serves: owners.map(({ line }) => line) })} onSubmit={() => void make()}
    >
      <TextInput label="Name" description="What it is for." required value={name} autoFocus onChange={({ currentTarget }) => setName(currentTarget.value)} error={problem?.field === 'name' ? problem.message : null} />
      <TextInput
        type="number" label="Expires in days" min={1} max={3650} step={1} required value={days} onChange={({ currentTarget }) => setDays(currentTarget.value)}
        error={problem?.field === 'expiresInDays' ? problem.message : null}
      />
      {kind === 'WORKER' && (
        <Textarea
          label="Serves" description="The owners whose sets it may read, one a line: deployment, team:SLUG, user:ID or user:PROVIDER/SUBJECT. Empty: every owner." rows={3} value={serves}
          onChange={({ currentTarget }) => setServes(currentTarget.value)}
          error={wrong === undefined ? problem?.field?.startsWith('serves') ? problem.message : null : <><OutsideText>{wrong.line}</OutsideText> names no owner.</>}
        />
      )}
    </FormPage>
  )
}

function Made({ made: { accessToken, secret }, kind, back }: { made: MakeTokenMutation['createAccessToken']; kind: TokenKind; back: NewTokenProps['back'] }) {
  return (
    <>
      <PageHeader title="Copy it now" back={back} />
      <Stack gap="md">
        <p role="status">This is the token <strong><OutsideText>{accessToken.name}</OutsideText></strong>. It is shown this once and never again. Whoever has it can {kind === 'WORKER' ? 'read what the owners that it serves have, and report as a worker' : 'do what its owner can'}.</p>
        <CodeBlock text={secret} label="The new token" />
        <Group gap="sm">
          <CopyButton text={secret} label="Copy token" />
          <Button component={Link} to={back.to} replace size="compact-sm">Done</Button>
        </Group>
      </Stack>
    </>
  )
}
