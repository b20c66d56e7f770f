import { type Finding } from './policy.js'
import { type FullPolicyDocument, type PolicyDocument } from './policy-document.js'
import { isListed, isListedNetwork } from './rules/url.js'

const outcomes = ['allow', 'approve', 'deny'] as const

/**
 * What of a team's document would widen the deployment's, or means nothing for a team. None of it has an effect: each of both policies has to agree.
 * @param document as the team wrote it; what it leaves out is as the deployment has it
 */
export function wideningsOf(document: PolicyDocument, deployment: FullPolicyDocument): Finding[] {
  const { transports = {}, tools = {}, approval = {}, quotas = {} } = document
  const looser = (field: string, isLooser: boolean, counts: unknown): Finding[] => isLooser ? [{
    rule: 'no-effect', effect: 'WARN', field: `document.${field}`, message: `A team can only narrow the deployment's policy, where this is ${JSON.stringify(counts)}.`,
    mend: `Leave it out, or ask an admin to change ${field} of the deployment's policy.`,
  }] : []
  const exceeds = (field: string, own: number | undefined, given: number) => looser(field, own !== undefined && own > given, given)
  return [
    ...(['stdio', 'http', 'sse'] as const).flatMap((kind) => {
      const [own, given] = [transports[kind], deployment.transports[kind]]
      return looser(`transports.${kind}`, own !== undefined && outcomes.indexOf(own) < outcomes.indexOf(given), given)
    }),
    ...widenedLists(document, deployment),
    ...exceeds('tools.maxPerMcpServer', tools.maxPerMcpServer, deployment.tools.maxPerMcpServer),
    ...looser('tools.drift', tools.drift === 'accept' && deployment.tools.drift === 'hold', 'hold'),
    ...looser('approval.allowSelf', approval.allowSelf === true && !deployment.approval.allowSelf, false),
    ...looser('approval.approvers', approval.approvers === 'maintainers' && deployment.approval.approvers === 'admins', 'admins'),
    ...exceeds('approval.pendingExpiresAfterDays', approval.pendingExpiresAfterDays, deployment.approval.pendingExpiresAfterDays),
    ...exceeds('quotas.entriesPerTeam', quotas.entriesPerTeam, deployment.quotas.entriesPerTeam),
    ...meaningless(document),
  ]
}

/** Items that the deployment does not have: an exception, a launcher or a folder counts where both policies name it. */
function widenedLists({ urls = {}, stdio = {} }: PolicyDocument, deployment: FullPolicyDocument): Finding[] {
  const { directories } = deployment.stdio
  const given = new Set(deployment.stdio.preapproved.map((command) => JSON.stringify(command)))
  const unknown = <Item>(field: string, items: readonly Item[] | undefined, isGiven: (item: Item) => boolean): Finding[] => (items ?? []).flatMap((item, at) => (
    isGiven(item) ? [] : [{
      rule: 'no-effect', effect: 'WARN', field: `document.${field}.${at}`, message: `The deployment's policy does not have it in ${field}, and a team can only narrow that.`,
      mend: `Take it out, or ask an admin to add it to ${field} of the deployment's policy.`,
    }]))
  return [
    ...unknown('urls.insecureHttp', urls.insecureHttp, (host) => isListed(host.toLowerCase(), deployment.urls.insecureHttp)),
    // Of a network its first address tells whether it lies inside one of the deployment's.
    ...unknown('urls.privateNetworks', urls.privateNetworks, (network) => isListedNetwork(network.toLowerCase().split('/')[0]!, deployment.urls.privateNetworks)),
    ...unknown('stdio.launchers', stdio.launchers, (launcher) => deployment.stdio.launchers.includes(launcher)),
    ...unknown('stdio.directories', stdio.directories, (folder) => directories === null || directories.some((above) => folder === above || folder.startsWith(`${above}/`))),
    ...unknown('stdio.preapproved', stdio.preapproved, (command) => deployment.transports.stdio === 'allow' || given.has(JSON.stringify(command))),
  ]
}

/** Parts that are the deployment's alone: what governs no entry of the team's. */
function meaningless({ quotas, static: ofStatic, staleAfterSeconds }: PolicyDocument): Finding[] {
  const parts = { 'quotas.entriesPerUser': quotas?.entriesPerUser, static: ofStatic, staleAfterSeconds }
  return Object.entries(parts).flatMap(([part, value]) => value === undefined ? [] : [{
    rule: 'no-effect', effect: 'WARN', field: `document.${part}`, message: 'A team\'s policy governs what the team owns, so this means nothing in it.', mend: 'Leave it out; it belongs into the deployment\'s policy.',
  }])
}
