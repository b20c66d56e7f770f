import { CodeBlock } from '../../parts/code-block.js'
import { Section } from '../../parts/section.js'
import { guideParts } from './policy-guide-text.js'
import classes from './policy.module.css'

/** What holds where the document says nothing, and what each part of it means. */
export function PolicyGuide({ base }: { base: { title: string; text: string } | null }) {
  return (
    <div className={classes.guide}>
      {base !== null && <Section title={base.title}><CodeBlock text={base.text} label={`${base.title} document`} copy={base.text} /></Section>}
      <Section title="What each part says">
        <ul className={classes.parts}>
          {guideParts().map(({ name, description, lines }) => (
            <li key={name}>
              <details>
                <summary><code>{name}</code> <span className={classes.note}>{description}</span></summary>
                <dl className={classes.lines}>
                  {lines.map((line) => (
                    <div key={line.name}>
                      <dt><code>{line.name}</code> <span className={classes.note}>{line.values}</span></dt>
                      <dd>{line.description} {line.byDefault === null ? 'By default it is left out.' : <>Default: <code>{line.byDefault}</code></>}</dd>
                    </div>
                  ))}
                </dl>
              </details>
            </li>
          ))}
        </ul>
      </Section>
    </div>
  )
}
