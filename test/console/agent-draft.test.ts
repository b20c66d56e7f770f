import { describe, expect, it } from 'vitest'
import { parseAgentMd } from '../../src/core/agent-md.js'
import { type AgentDraft, emptyDraft, namesPasted } from '../../console/src/pages/agents/agent-draft.js'
import { cliImportAgent, cliImportFile, cliSaveAgent } from '../../console/src/pages/agents/cli-agent.js'

describe('names out of a copied list', () => {
  it.each<[string, string[]]>([
    ['github', ['github']], ['github, jira', ['github', 'jira']], ['- github\n- jira\n', ['github', 'jira']], ['["github", \'jira\']', ['github', 'jira']],
    ['  * github\r\n  * a-b_c\r\n', ['github', 'a-b_c']], [' \n', []],
  ])('%j', (text, names) => { expect(namesPasted(text)).toEqual(names) })
})

describe('the command that saves an agent', () => {
  const me = { kind: 'USER' as const, id: 'usr_1' }
  const draft: AgentDraft = { ...emptyDraft('me'), name: 'planner', prompt: 'Plan.' }
  /** What the shell would hand on: everything up to the line that ends it. */
  const handedOn = (command: string) => {
    const [first, ...lines] = command.split('\n')
    const end = /<<'([^']+)'$/.exec(first!)![1]!
    return { text: lines.slice(0, lines.indexOf(end)).join('\n'), rest: lines.slice(lines.indexOf(end) + 1) }
  }

  it.each(['Plan.', 'Say\nEOF\nand EOF_\nEOF_\nand go on.', '$(rm -rf /) `x` \'y\' \\', '---\nname: other\n---\nx'])('hands on the whole prompt %j', (prompt) => {
    const { text, rest } = handedOn(cliSaveAgent({ ...draft, prompt }, me, 'usr_1', null).line)
    expect([parseAgentMd(text, 'x.agent.md').agent?.prompt, rest]).toEqual([prompt, []])
  })

  it('then says what a file does not, where that is other than it was, or than it would be anyway', () => {
    const shared = { ...draft, visibility: 'SHARED' as const, audience: [{ kind: 'TEAM' as const, id: 'team_1', displayName: 'Crew' }] }
    const rest = (now: AgentDraft, before: AgentDraft | null) => handedOn(cliSaveAgent(now, me, 'usr_1', before).line).rest
    expect(rest(shared, null)).toEqual(['pilothouse share planner team:team_1'])
    expect(rest({ ...shared, audience: [] }, null)).toEqual([])
    expect(rest(shared, { ...shared, audience: [...shared.audience] })).toEqual([])
    expect(rest(draft, shared)).toEqual(['pilothouse share planner --private'])
    expect(rest({ ...draft, apply: 'NEXT_SESSION', locked: true }, null)).toEqual(['pilothouse change planner --locked --apply next-session'])
    expect(rest(draft, { ...draft, apply: 'NOW', locked: true })).toEqual(['pilothouse change planner --no-locked --apply next-turn'])
    // A file has no place for them, so reading it takes them away, also where nobody touched them.
    const bound = { ...draft, model: 'gpt-5', toolsMode: 'NONE' as const }
    expect(rest(bound, bound)).toEqual(['pilothouse change planner --model gpt-5 --no-tools'])
    expect(cliSaveAgent({ ...bound, description: 'a\nb' }, me, 'usr_1', null).lost).toEqual(['description'])
  })

  it('gives a new name first: the file would make another agent', () => {
    const { line } = cliSaveAgent({ ...draft, name: 'plan' }, me, 'usr_1', draft)
    expect(line.split('\n').slice(0, 2)).toEqual(['pilothouse change planner --name plan', "pilothouse import - --format agent-md --owner me --on-conflict update <<'EOF'"])
  })

  it('of a file names the file', () => {
    expect(cliImportFile('my planner.agent.md', 'me')).toBe("pilothouse import 'my planner.agent.md' --owner me")
    expect(cliImportFile('--help', 'team:t', 'rename')).toBe('pilothouse import --format agent-md --owner team:t --on-conflict rename -- --help')
    expect(cliImportAgent('x', 'me', 'update')).toBe("pilothouse import - --format agent-md --owner me --on-conflict update <<'EOF'\nx\nEOF")
  })
})
