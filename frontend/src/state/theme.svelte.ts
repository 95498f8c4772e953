// Light, dark, or what the system says.
export type Choice = 'system' | 'light' | 'dark'

class Theme {
  choice = $state<Choice>(read())

  choose(choice: Choice): void {
    this.choice = choice
    if (choice === 'system') {
      localStorage.removeItem('theme')
      delete document.documentElement.dataset.theme
    } else {
      localStorage.setItem('theme', choice)
      document.documentElement.dataset.theme = choice
    }
  }
}

function read(): Choice {
  const told = document.documentElement.dataset.theme
  return told === 'light' || told === 'dark' ? told : 'system'
}

export const theme = new Theme()
