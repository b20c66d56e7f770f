import { type Rule } from '../policy.js'

/** Lower-case ASCII only: it becomes part of tool names, and no two names can look alike (S18). */
export const namePattern = /^[a-z0-9][a-z0-9_-]{0,39}$/

export const nameMend = 'Use 1 to 40 of a-z, 0-9, _ and -, beginning with a letter or digit.'

export const name: Rule = (subject) => namePattern.test(subject.name) ? [] : [{
  rule: 'name', effect: 'DENY', field: 'name',
  message: `${JSON.stringify(subject.name.slice(0, 80))} is not a name that the catalog takes.`,
  mend: nameMend,
}]
