import { describe, expect, it } from 'vitest'
import { readArguments, UsageError } from '../../bench/arguments.js'

describe('arguments of the bench', () => {
  it('without any: everything, with the defaults', () => {
    expect(readArguments([])).toMatchObject({ sockets: [1, 1_000, 10_000], rounds: 3, groups: 10, targets: ['A', 'B', 'OURS'], isQuick: false, out: null })
    expect(readArguments(['--quick'])).toMatchObject({ sockets: [50], rounds: 1, isQuick: true })
  })

  it('take parts of it', () => {
    expect(readArguments(['--only', 'storm,latency', '--n', '1000,10', '--targets', 'A,ours', '--out', 'x.json']))
      .toMatchObject({ only: ['latency', 'storm'], sockets: [10, 1_000], targets: ['A', 'OURS'], out: 'x.json' })
  })

  it.each([['--only', 'speed'], ['--n', '0'], ['--n', 'many'], ['--rounds', '1.5'], ['--targets', 'C']])('refuse %s %s', (...args) => {
    expect(() => readArguments(args)).toThrow(UsageError)
  })

  it('refuse what they do not know', () => expect(() => readArguments(['--fast'])).toThrow())
})
