import { expect, it } from 'vitest'
import { type Viewer, viewerOf } from '../../console/src/data/viewer.js'
import { addPeople, addSecret } from '../../console/src/section-acts.js'

const team = { id: 'tea_1', displayName: 'Crew' }

function viewer(role: 'USER' | 'ADMIN', inTeam: 'MEMBER' | 'MAINTAINER'): Viewer {
  const owners = [{ kind: 'DEPLOYMENT' as const, id: 'deployment', displayName: 'Deployment' }, { kind: 'TEAM' as const, ...team }, { kind: 'USER' as const, id: 'usr_1', displayName: 'Ann' }]
  return viewerOf({ viewer: { principal: { id: 'usr_1', displayName: 'Ann' }, user: { role, teams: [{ role: inTeam, team: { id: team.id } }] }, owners } } as Parameters<typeof viewerOf>[0])
}

const offered = (who: Viewer) => [...addSecret(who), ...addPeople(who)].map(({ title, to }) => `${title} ${to}`)

it.each<[string, Viewer, string[]]>([
  ['an admin', viewer('ADMIN', 'MEMBER'), [
    'Add a secret /secrets/me/+new', 'Add a secret: Crew /secrets/team:tea_1/+new', 'Add a secret: Deployment /secrets/deployment/+new',
    'Add a user /people/users/new', 'Add a team /people/teams/new', 'Add a worker token /people/worker-tokens/new', 'Add a member: Crew /people/teams/tea_1/members/new',
  ]],
  ['a maintainer', viewer('USER', 'MAINTAINER'), [
    'Add a secret /secrets/me/+new', 'Add a secret: Crew /secrets/team:tea_1/+new', 'Add a member: Crew /people/teams/tea_1/members/new',
  ]],
  ['a member', viewer('USER', 'MEMBER'), ['Add a secret /secrets/me/+new']],
])('the palette offers %s what they may do, and nothing else', (_, who, acts) => { expect(offered(who)).toEqual(acts) })
