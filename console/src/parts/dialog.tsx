import { Modal } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'
import { OutsideText } from './outside-text.js'
import classes from './dialog.module.css'

export interface DialogProps {
  isOpen: boolean
  /** May hold names from outside: what is hidden in it stands there as an escape. */
  title: string
  children: ReactNode
  onClose: () => void
  /** At the top of the screen, for what is typed into. Default false: in the middle. */
  isAtTop?: boolean
}

/** A dialog over the page: it keeps the keyboard inside, Escape closes it, and the focus goes back to where it was. */
export function Dialog({ isOpen, title, children, onClose, isAtTop = false }: DialogProps) {
  useFocusBack(isOpen)
  return (
    // The scroll of the page behind would be locked with a <style> element, which the content policy refuses; the page itself never scrolls.
    <Modal.Root opened={isOpen} onClose={onClose} lockScroll={false} centered={!isAtTop} yOffset="10vh" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content>
        {/* Not Modal.Header: that is a <header>, which would be a second banner. */}
        <div className={classes.head}><Modal.Title className={classes.title}><OutsideText>{title}</OutsideText></Modal.Title><Modal.CloseButton aria-label="Close" /></div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

/** Mantine gives the focus back when a dialog is closed, and not when it is taken away with what it was in, as most of ours are. */
function useFocusBack(isOpen: boolean) {
  useEffect(() => {
    if (!isOpen) return
    const before = document.activeElement
    return () => {
      // Whoever went on elsewhere meanwhile stays there.
      const isNowhere = document.activeElement === null || document.activeElement === document.body
      if (isNowhere && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [isOpen])
}
