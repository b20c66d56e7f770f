import { describe, expect, it } from 'vitest'
import { isOfTemplate } from '../../src/worker/uri-template.js'

describe('a URI', () => {
  it.each([
    ['demo://text/7', 'demo://text/{id}'], ['demo://text/7/end', 'demo://text/{id}/end'], ['demo://a/b', 'demo://{x}/{y}'], ['demo://1-2-3', 'demo://{a}-{b}'],
    ['file:///a/b/c.txt', 'file:///{+path}'], ['x:a/b.json', 'x:{+path}.json'], ['x:a?q=1&r=2', 'x:a{?q,r}'], ['x:a', 'x:a{?q}'], ['x:a/b/c', 'x:a{/rest*}'], ['x:fixed', 'x:fixed'],
  ])('%s is of %s', (uri, template) => expect(isOfTemplate(uri, template)).toBe(true))

  it.each([
    ['demo://text/7/8', 'demo://text/{id}'], ['demo://text/', 'demo://text/{id}'], ['demo://other/7', 'demo://text/{id}'], ['demo://text/7/ends', 'demo://text/{id}/end'],
    ['x:fixed!', 'x:fixed'], ['x:a', 'x:ab{?q}'], ['x:.json', 'x:{name}.json'], ['x:ab', 'x:abc'], ['x:aba', 'x:ab{y}ba'],
    // One server's template must not take in what others have.
    ['demo://text/7', '{+anything}'], ['demo://text/7', '{scheme}://{+rest}'], ['demo://text/7', ''],
  ])('%s is not of %s', (uri, template) => expect(isOfTemplate(uri, template)).toBe(false))

  it('is judged in no time, whatever the template', () => {
    const begun = performance.now()
    expect(isOfTemplate(`x:${'a'.repeat(100_000)}`, `x:${'{+a}a'.repeat(10_000)}b`)).toBe(false)
    expect(performance.now() - begun).toBeLessThan(1000)
  })
})
