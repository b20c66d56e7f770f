import { describe, expect, it } from 'vitest'
import { jsonPlaces, pathKey } from '../../console/src/data/json-places.js'
import { checkPolicy, placeOfField } from '../../console/src/pages/policy/check-policy.js'
import { guideParts } from '../../console/src/pages/policy/policy-guide-text.js'
import { defaultPolicy, policyDocumentSchema, writtenPolicy } from '../../src/core/policy-document.js'

describe('a policy that is typed', () => {
  it.each<[text: string, findings: Array<[line: number, field: string, message: RegExp]>]>([
    ['', [[1, 'line 1, column 1', /ends before it is complete/]]],
    ['{\n  "transports": {\n    "sse": "allow",\n  }\n}', [[4, 'line 4, column 3', /comma/]]],
    ['{\n  "transport": {}\n}', [[2, 'transport', /not known here/]]],
    ['{\n  "transports": {\n    "sse": "alow"\n  },\n  "urls": { "insecureHttp": [\n    "ok.example",\n    "http://bad/"\n  ] }\n}', [[3, 'transports.sse', /./], [7, 'urls.insecureHttp.1', /is no host/]]],
    ['{\n  "staleAfterSeconds": 5\n}', [[2, 'staleAfterSeconds', /is under 30/]]],
    ['{\n  "urls": {},\n  "urls": {}\n}', [[3, 'urls', /twice/]]],
    ['{ "mcpServers": { "deny": [\n  {"serverName": "a"},\n  {"other": "b"} ] } }', [[3, 'mcpServers.deny.1', /is no matcher/]]],
    ['[]', [[1, 'the document', /./]]],
    ['{ "__proto__": 1,\n "constructor": 2 }', [[1, '__proto__', /not known/], [2, 'constructor', /not known/]]],
  ])('is refused with every problem and its line: %j', (text, expected) => {
    const { document, findings } = checkPolicy(text)
    expect(document).toBeNull()
    expect(findings.map(({ line, field }) => [line, field])).toEqual(expected.map(([line, field]) => [line, field]))
    expected.forEach(([, , message], at) => expect(findings[at]!.message).toMatch(message))
  })

  it('says which names are known where one is not', () => {
    expect(checkPolicy('{ "tools": { "drfit": "hold" } }').findings[0]!.mend).toBe('Known here: drift, maxPerMcpServer.')
  })

  it('is taken as the server takes it', () => {
    const text = JSON.stringify(writtenPolicy(defaultPolicy), null, 2)
    expect(checkPolicy(text)).toEqual({ document: writtenPolicy(defaultPolicy), findings: [] })
    expect(checkPolicy('{}')).toEqual({ document: {}, findings: [] })
  })

  it('finds the line of what the server says of a field, or of the nearest that is there', () => {
    const text = '{\n  "urls": {\n    "insecureHttp": [\n      "a.example"\n    ]\n  }\n}'
    expect(['document.urls.insecureHttp.0', 'urls.insecureHttp.0', 'document.urls.privateNetworks', 'document', 'elsewhere'].map((field) => placeOfField(text, field))).toEqual([4, 4, 2, 1, 1])
    expect(placeOfField('{', 'document.urls')).toBeNull()
  })
})

describe('places of JSON', () => {
  it('finds every name and item, whatever texts hold', () => {
    const text = '{"a\\"{": [1, "x,:]", {"b": [[2]]}], "c": "}"}'
    const { places } = jsonPlaces(text)
    const at = (path: Array<string | number>) => text.slice(places.get(pathKey(path)))
    expect([at(['a"{', 1]), at(['a"{', 2, 'b']), at(['a"{', 2, 'b', 0, 0]), at(['c'])].map((rest) => rest.slice(0, 3))).toEqual(['"x,', '"b"', '2]]', '"c"'])
  })

  it('needs no stack for what is deep', () => {
    const depth = 2_000
    expect(jsonPlaces('['.repeat(depth) + ']'.repeat(depth)).places.size).toBe(depth)
  })
})

it('the guide to a policy has every part that one may have, each with words', () => {
  expect(guideParts().map(({ name }) => name)).toEqual(Object.keys(policyDocumentSchema.shape))
  for (const { description, lines } of guideParts()) expect([description === '', lines.length === 0]).toEqual([false, false])
})
