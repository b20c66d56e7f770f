import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { shellQuoted } from '../../../../src/core/definition-text.js'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { type MakeTokenMutation, MakeTokenDocument, type TokenKind } from '../../generated/graphql.js'
import { CodeBlock } from '../../parts/code-block.js'
import { CopyButton } from '../../parts/copy-button.js'
import { Dialog } from '../../parts/dialog.js'
import { OutsideText } from '../../parts/outside-text.js'
import { FormDialog } from './form-dialog.js'
import { servedOwners } from './served-owners.js'

const changed: readonly Topic[] = ['tokens']
const defaultDays: Record<TokenKind, string> = { PERSONAL: '90', WORKER: '365' }

interface NewTokenProps {
  /** For somebody else; null for oneself, and for workers. */
  userId: string | null
  kind: TokenKind
  onClose: () => void
}

/** The form, and then the token: it is in the answer alone, and gone with this dialog. */
export function NewToken({ userId, kind, onClose }: NewTokenProps) {
  const [name, setName] = useState('')
  const [days, setDays] = useState(defaultDays[kind])
  const [serves, setServes] = useState('')
  const [made, setMade] = useState<MakeTokenMutation['createAccessToken'] | null>(null)
  const { run, isRunning, problem } = useAction(MakeTokenDocument, changed)
  if (made !== null) return <Made made={made} kind={kind} onClose={onClose} />
  const owners = servedOwners(serves)
  const wrong = owners.find(({ owner }) => owner === null)
  const make = async () => {
    if (wrong !== undefined) return
    const served = owners.flatMap(({ owner }) => (owner === null ? [] : [owner]))
    const answer = await run({ input: { kind, name, expiresInDays: Number(days), ...(userId !== null && { userId }), ...(served.length > 0 && { serves: served }) } })
    if (answer !== null) setMade(answer.createAccessToken)
  }
  const options = [
    kind === 'WORKER' ? ' --worker' : '', ` --name ${shellQuoted(name || 'NAME')}`, userId === null ? '' : ` --user ${userId}`, days === defaultDays[kind] ? '' : ` --expires-in-days ${shellQuoted(days)}`,
    owners.length === 0 ? '' : ` --serves ${owners.map(({ line }) => shellQuoted(line)).join(' ')}`,
  ]
  return (
    <FormDialog
      title={kind === 'WORKER' ? 'Create a worker token' : 'Create a token'} label="Create" progress="Creating…" isRunning={isRunning} problem={problem}
      cli={`pilothouse token create${options.join('')}`} onSubmit={() => void make()} onClose={onClose}
    >
      <TextInput label="Name" description="What it is for." required value={name} data-autofocus onChange={({ currentTarget }) => setName(currentTarget.value)} error={problem?.field === 'name' ? problem.message : null} />
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
    </FormDialog>
  )
}

function Made({ made: { accessToken, secret }, kind, onClose }: { made: MakeTokenMutation['createAccessToken']; kind: TokenKind; onClose: () => void }) {
  return (
    <Dialog isOpen title="Copy it now" onClose={onClose}>
      <Stack gap="md">
        <p>This is the token <strong><OutsideText>{accessToken.name}</OutsideText></strong>. It is shown this once and never again. Whoever has it can {kind === 'WORKER' ? 'read what the owners that it serves have, and report as a worker' : 'do what its owner can'}.</p>
        <CodeBlock text={secret} label="The new token" />
        <Group justify="flex-end" gap="sm">
          <CopyButton text={secret} label="Copy token" />
          <Button size="compact-md" onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
