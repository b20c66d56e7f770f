import { Route, Routes, useParams } from 'react-router'
import { defaultPolicy, readPolicy, writtenPolicy } from '../../../../src/core/policy-document.js'
import { printableJson } from '../../../../src/core/printable-json.js'
import { ownerOfScope } from '../../data/scope.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { type OwnerInput, OwnPolicyDocument, type OwnPolicyQuery } from '../../generated/graphql.js'
import { Badge, ScopeBadge } from '../../parts/badge.js'
import { CliLine, CodeBlock } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { OwnerSwitch } from '../../parts/owner-switch.js'
import { PageHeader } from '../../parts/page-header.js'
import { Redirect } from '../../parts/redirect.js'
import { PolicyEditor } from './policy-editor.js'
import { PolicyGuide } from './policy-guide.js'
import { showPolicyLine } from './policy-lines.js'
import classes from './policy.module.css'

export type StoredPolicy = OwnPolicyQuery['policy']

/** `/policy/SCOPE`: the deployment's, or a team's. */
export function PolicyPage() {
  return (
    <Routes>
      <Route index element={<Redirect to="deployment" />} />
      <Route path=":scope" element={<OfScope />} />
    </Routes>
  )
}

function OfScope() {
  const { scope = '' } = useParams()
  const owner = ownerOfScope(scope)
  if (owner === null || owner.kind === 'USER') return <Redirect to="/policy/deployment" />
  return <OfOwner key={scope} scope={scope} owner={owner} />
}

const topics = ['policy', 'entries'] as const

function OfOwner({ scope, owner }: { scope: string; owner: OwnerInput }) {
  const viewer = useViewer()
  const { data, problem, isLoading, refresh } = useLiveQuery(OwnPolicyDocument, { variables: { owner }, topics })
  const isTeam = owner.kind === 'TEAM'
  const deployment = useLiveQuery(OwnPolicyDocument, { variables: { owner: { kind: 'DEPLOYMENT' } }, topics, pause: !isTeam })
  const policy = data?.policy
  const mayWrite = policy !== undefined && viewer.can('WRITE_POLICY', policy.owner)
  const base = isTeam ? baseOf(deployment.data?.policy) : { title: 'The default', text: printableJson(writtenPolicy(defaultPolicy)) }
  return (
    <div className={classes.page}>
      <PageHeader
        title="Policy"
        badges={policy && <><ScopeBadge owner={policy.owner} viewerId={viewer.id} /><Badge>{policy.revision === 0 ? 'nothing set yet' : `revision ${policy.revision}`}</Badge></>}
      />
      <p className={classes.intro}>{isTeam ? 'It narrows the deployment\'s policy for what the team owns. What it leaves out is as there.' : 'What MCP servers and agents may be. What it leaves out is as in the default.'}</p>
      <div className={classes.whose}><OwnerSwitch action="READ_POLICY" path="/policy" scope={scope} /></div>
      <InlineError problem={problem} retry={refresh} />
      {isLoading && <p role="status">Loading…</p>}
      {policy !== undefined && (
        <div className={classes.both}>
          <div className={classes.main}>
            {mayWrite
              ? <PolicyEditor policy={policy} owner={owner} scope={scope} refresh={refresh} />
              : <><p>{isTeam ? 'Its maintainers and admins set it; you can read it.' : 'Admins set it; you can read it.'}</p><CodeBlock text={printableJson(policy.document)} label="The policy" copy={printableJson(policy.document)} /><CliLine line={showPolicyLine(scope)} /></>}
          </div>
          <PolicyGuide base={base} />
        </div>
      )}
    </div>
  )
}

function baseOf(policy: StoredPolicy | undefined): { title: string; text: string } | null {
  if (policy === undefined) return null
  const { document } = readPolicy(policy.revision, policy.document)
  return { title: 'The deployment\'s', text: printableJson(document === null ? policy.document : writtenPolicy(document)) }
}
