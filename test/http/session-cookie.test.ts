import { describe, expect, it } from 'vitest'
import { cookieIn, ownPageOf, sessionSecretIn } from '../../src/http/session-cookie.js'

const secret = `phc_${'s'.repeat(43)}`
const planted = `phc_${'p'.repeat(43)}`

describe('S7: the secret in the cookies of a request', () => {
  it.each<[cookies: string | undefined, found: string | null]>([
    [`__Host-pilothouse=${secret}`, secret],
    [`a=b; __Host-pilothouse=${secret};c=d`, secret],
    [`a=b;\t__Host-pilothouse=${secret} `, secret],
    [`__Host-pilothouse=${secret}; __Host-pilothouse=${secret}`, secret],
    // Two of which one was set by somebody else, who can place it before or behind.
    [`__Host-pilothouse=${secret}; __Host-pilothouse=${planted}`, null],
    [`__Host-pilothouse=${planted}; __Host-pilothouse=${secret}`, null],
    [`pilothouse=${planted}`, null],
    [`__host-pilothouse=${planted}`, null],
    [`__Host-pilothouse =${planted}`, null],
    [`x__Host-pilothouse=${planted}`, null],
    [`a="; __Host-pilothouse-oidc=${planted}"`, null],
    [`__Host-pilothouse="${planted}"`, null],
    [`__Host-pilothouse=${secret}x`, null],
    ['__Host-pilothouse=', null],
    ['__Host-pilothouse', null],
    ['', null],
    [undefined, null],
  ])('of %j is %j', (cookies, found) => expect(sessionSecretIn(cookies, 'https')).toBe(found))

  // To a browser each of these begins another name than `__Host-`, so a neighbouring host may set it for ours.
  const blanks = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((char) => char.trim() === '' && char !== ' ' && char !== '\t')

  it('is none behind any other blank, and the one beside it counts', () => {
    expect(blanks).toContain('\u00a0')
    for (const blank of blanks) {
      expect(sessionSecretIn(`${blank}__Host-pilothouse=${planted}`, 'https')).toBeNull()
      expect(sessionSecretIn(`${blank}__Host-pilothouse=${planted}; __Host-pilothouse=${secret}`, 'https')).toBe(secret)
      expect(cookieIn(`${blank}__Host-pilothouse-oidc=x`, '__Host-pilothouse-oidc')).toBeNull()
    }
  })
})

describe('S8: a page is ours', () => {
  const page = (origin: string, host: string) => ownPageOf({ url: '/graphql', headers: { origin }, rawHeaders: ['Host', host, 'Origin', origin] }, 'https://catalog.example.com')
  it.each<[origin: string, host: string, scheme: 'https' | 'http' | null]>([
    ['https://catalog.example.com', '10.0.0.7:3000', 'https'],
    ['https://catalog.example.com', 'catalog.example.com:443', 'https'],
    ['http://catalog.example.com', 'catalog.example.com', null],
    ['https://catalog.example.com.evil.example', 'catalog.example.com', null],
    ['https://catalog.example.com@evil.example', 'catalog.example.com', null],
    ['https://catalog.example.com:8443', 'catalog.example.com', null],
    ['http://localhost:3000', 'localhost:3000', 'http'],
    ['http://localhost:3000', '127.0.0.1:3000', null],
    ['http://[::1]:3000', '[::1]:3000', 'http'],
    ['http://127.0.0.1.evil.example', '127.0.0.1.evil.example', null],
    ['http://localhost.evil.example', 'localhost.evil.example', null],
    ['http://192.168.1.2:3000', '192.168.1.2:3000', null],
    ['chrome-extension://catalog.example.com', 'catalog.example.com', null],
    ['null', 'catalog.example.com', null],
  ])('%s at %s: %j', (origin, host, scheme) => expect(page(origin, host)).toBe(scheme))
})
