// Every command of the label page, in one list: keys, buttons and the help come from it.
import type { Label } from '../../api/types'
import { classKeys, type Command } from '../../editor/commands'

export interface Actions {
  give: (kind: 'label' | 'skip' | 'flag' | 'clear', label?: number) => void
  accept: () => void
  select: (step: 1 | -1) => void
  back: () => void
  forward: () => void
  home: () => void
  zoomIn: () => void
  zoomOut: () => void
  fit: () => void
  toggleZoom: () => void
  addClass: () => void
  findClass: () => void
  guidelines: () => void
  help: () => void
}

export interface Situation {
  hasTask: () => boolean
  revisiting: () => boolean
  canGoBack: () => boolean
  canAccept: () => boolean
  canAddClass: () => boolean
  hasGuidelines: () => boolean
}

/** Classes come first: their keys win over all others. */
export function commands(labels: readonly Label[], act: Actions, now: Situation): Command[] {
  const keys = classKeys(labels)
  return [
    ...labels.map((label): Command => {
      const key = keys.get(label.id)
      return {
        name: `class-${label.id}`,
        title: label.name,
        group: 'Classes',
        keys: key ? [key] : [],
        run: () => act.give('label', label.id),
        enabled: now.hasTask,
      }
    }),
    { name: 'accept', title: 'Accept the selected class', group: 'Answer', keys: ['Enter', 'Mod+Enter', 'Mod+s'], run: act.accept, enabled: now.canAccept },
    { name: 'skip', title: 'Skip: cannot be told', group: 'Answer', keys: ['s'], run: () => act.give('skip'), enabled: now.hasTask },
    { name: 'flag', title: 'Flag: somebody should look', group: 'Answer', keys: ['f'], run: () => act.give('flag'), enabled: now.hasTask },
    { name: 'back', title: 'Back to the last answer', group: 'Move', keys: ['Backspace', 'Mod+z', 'ArrowLeft'], run: act.back, enabled: now.canGoBack },
    { name: 'forward', title: 'Forward', group: 'Move', keys: ['ArrowRight', 'Mod+y', 'Mod+Shift+z'], run: act.forward, enabled: now.revisiting },
    { name: 'home', title: 'Return to the newest image', group: 'Move', keys: ['Escape'], run: act.home, enabled: now.revisiting },
    { name: 'clear', title: 'Take the answer back', group: 'Answer', keys: ['Delete'], run: () => act.give('clear'), enabled: now.revisiting },
    { name: 'next-class', title: 'Select the next class', group: 'Answer', keys: ['ArrowDown'], run: () => act.select(1), enabled: now.hasTask, repeats: true },
    { name: 'previous-class', title: 'Select the class before', group: 'Answer', keys: ['ArrowUp'], run: () => act.select(-1), enabled: now.hasTask, repeats: true },
    { name: 'fit', title: 'Show the whole image', group: 'View', keys: ['0', 'Home'], run: act.fit, enabled: now.hasTask },
    { name: 'zoom-in', title: 'Zoom in', group: 'View', keys: ['='], run: act.zoomIn, enabled: now.hasTask, repeats: true },
    { name: 'zoom-out', title: 'Zoom out', group: 'View', keys: ['-'], run: act.zoomOut, enabled: now.hasTask, repeats: true },
    { name: 'toggle-zoom', title: 'Close up, and back', group: 'View', keys: ['z'], run: act.toggleZoom, enabled: now.hasTask },
    { name: 'find-class', title: 'Find a class by name', group: 'Page', keys: ['/'], run: act.findClass },
    { name: 'add-class', title: 'Add a class', group: 'Page', keys: ['n', '+'], run: act.addClass, enabled: now.canAddClass },
    { name: 'guidelines', title: 'Guidelines', group: 'Page', keys: ['g'], run: act.guidelines, enabled: now.hasGuidelines },
    { name: 'help', title: 'Keys', group: 'Page', keys: ['?', 'F1'], run: act.help },
  ]
}
