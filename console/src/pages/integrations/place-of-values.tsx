import { shellQuoted } from '../../../../src/core/definition-text.js'
import { CodeBlock } from '../../parts/code-block.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { type Integration } from './integration-detail.js'
import classes from './secrets-needed.module.css'

/**
 * Where values would go, with nothing cut short: what is not seen must not be confirmed. Over HTTP the host and the whole address; else the command
 * line, its folder and all of the environment, which steers a program as its arguments do.
 */
export function PlaceOfValues({ transport, points }: { transport: Integration['transport']; points: readonly string[] }) {
  const isRemote = transport.__typename === 'RemoteTransport'
  const pairs = isRemote ? transport.headers.filter(({ name }) => points.some((point) => point.toLowerCase() === `header:${name}`.toLowerCase())) : transport.env
  const host = isRemote && URL.canParse(transport.url) ? new URL(transport.url).host : null
  return (
    <div className={classes.place}>
      {!isRemote && <CodeBlock text={[transport.command, ...transport.args].map(shellQuoted).join(' ')} label="Command line" />}
      <KeyValues
        rows={[
          ['Host', host === null ? null : <span key="host" className={classes.host}><OutsideText>{host}</OutsideText></span>],
          ['Address', isRemote ? <code key="address"><OutsideText>{transport.url}</OutsideText></code> : null],
          ['Folder', isRemote || transport.cwd == null ? null : <code key="folder"><OutsideText>{transport.cwd}</OutsideText></code>],
          [isRemote ? (pairs.length === 1 ? 'Header' : 'Headers') : 'Environment', <>{pairs.map(({ name, value }) => <div key={name}><code><OutsideText>{`${name}: ${value}`}</OutsideText></code></div>)}</>],
        ]}
      />
    </div>
  )
}
