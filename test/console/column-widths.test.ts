import { describe, expect, it } from 'vitest'
import { panesIn, readWidths, treeIn } from '../../console/src/data/column-widths.js'

describe('the widths of the columns', () => {
  it.each<[text: string | null, widths: object]>([
    ['{"tree":200,"list":300.4,"workspace":400}', { tree: 200, list: 300, workspace: 400 }],
    [null, {}], ['', {}], ['{', {}], ['null', {}], ['7', {}], ['"tree"', {}], ['[200]', {}], ['{"detail":300,"__proto__":{"tree":1}}', {}],
    ['{"tree":"200","list":null,"workspace":{}}', {}], ['{"tree":-1,"list":0,"workspace":1e300}', {}], ['{"tree":250,"list":"wide"}', { tree: 250 }],
  ])('are read from what the browser kept, whoever wrote it: %s', (text, widths) => expect(readWidths(text)).toEqual(widths))

  it('are the usual ones where nobody chose', () => {
    expect(treeIn(1280, {})).toEqual({ now: 240, least: 192, most: 608 })
    expect(panesIn(1040, {}, false)).toMatchObject({ count: 2, list: { now: 416, least: 272, most: 640 } })
    expect(panesIn(1360, {}, true)).toMatchObject({ count: 3, list: { now: 340 }, workspace: { now: 510, least: 352, most: 620 } })
  })

  it('show fewer columns before one is squeezed', () => {
    expect([1024, 1023, 672, 671].map((room) => panesIn(room, {}, true).count)).toEqual([3, 2, 2, 1])
    expect(panesIn(1023, {}, false).count).toBe(2)
  })

  it('leave everything its least, whatever was chosen in a larger window', () => {
    for (const wanted of [1, 300, 500, 5_000]) {
      const widths = { tree: wanted, list: wanted, workspace: wanted }
      for (let room = 320; room <= 2_600; room += 20) {
        const tree = treeIn(room, widths).now
        expect(tree).toBeGreaterThanOrEqual(192)
        if (room >= 600) expect(room - tree).toBeGreaterThanOrEqual(400)
        // What had room for a list and a detail beside the narrowest tree has it beside any.
        if (room >= 192 + 672) expect(panesIn(room - tree, widths, false).count).toBe(2)
        for (const isOpen of [true, false]) {
          const { count, list, workspace } = panesIn(room, widths, isOpen)
          if (count === 1) continue
          expect(list.now).toBeGreaterThanOrEqual(272)
          expect(room - list.now - (count === 3 ? workspace.now : 0)).toBeGreaterThanOrEqual(400)
          if (count === 3) expect(workspace.now).toBeGreaterThanOrEqual(352)
          for (const { now, least, most } of [list, workspace]) expect(least <= now && now <= most).toBe(true)
        }
      }
    }
  })
})
