import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { defaultPolicy } from '../../../src/core/policy-document.js'
import { visibleText } from '../../../src/core/rules/visible-text.js'

const fields = (definition: object) => visibleText({ kind: 'AGENT', name: 'x', definition: parseAgentDefinition(definition) }, defaultPolicy).map(({ field }) => field)

/** What servers are told by is judged with `test/vectors/`. */
describe('S18: names in an agent are what they look like', () => {
  it.each<[object, string[]]>([
    [{ prompt: 'p', tools: ['get', 'g\u200bet'] }, ['definition.tools.1']], [{ prompt: 'p', skills: ['\u202ex'] }, ['definition.skills.0']],
    [{ prompt: 'p', model: 'gpt\u3164' }, ['definition.model']], [{ prompt: 'p', tools: [`a${' '.repeat(17)}b`] }, ['definition.tools.0']],
    [{ prompt: 'p', tools: ['get', 'read file'], skills: ['\u00fcben'], model: 'gpt-5' }, []],
    // Text for reading, where languages need their joiners.
    [{ prompt: 'a\u200db', description: '\u{1f468}\u200d\u{1f469}' }, []],
  ])('%j', (definition, expected) => { expect(fields(definition)).toEqual(expected) })
})
