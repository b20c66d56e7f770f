import { Button, Group, Stack } from '@mantine/core'
import { type ReactNode } from 'react'
import { Link, type To } from 'react-router'
import { type Problem } from '../../data/problem.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { PageHeader } from '../../parts/page-header.js'
import { ProgressButton } from '../../parts/progress-button.js'
import classes from './people.module.css'

interface FormPageProps {
  /** What it does, as the button that leads here says it: "Add a user". */
  title: string
  /** The fields. */
  children: ReactNode
  isRunning: boolean
  problem: Problem | null
  /** The same with the CLI. */
  cli: string
  /** Where it was come from; also what "Cancel" does. */
  back: { to: To; label: string }
  onSubmit: () => void
}

/** A short form with an address of its own. What the server refuses stays in its fields. */
export function FormPage({ title, children, isRunning, problem, cli, back, onSubmit }: FormPageProps) {
  return (
    <>
      <PageHeader title={title} back={back} />
      <form aria-label={title} className={classes.form} onSubmit={(event) => { event.preventDefault(); if (!isRunning) onSubmit() }}>
        <Stack gap="md">
          {children}
          <InlineError problem={problem} />
          <Group gap="sm">
            <ProgressButton type="submit" label="Add" progress="Adding…" isRunning={isRunning} />
            <Button component={Link} to={back.to} variant="default">Cancel</Button>
          </Group>
          <CliLine line={cli} />
        </Stack>
      </form>
    </>
  )
}
