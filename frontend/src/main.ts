import '@fontsource-variable/inter/wght.css'
import { mount } from 'svelte'
import './styles/tokens.css'
import './styles/base.css'
import './parts/controls.css'
import App from './shell/App.svelte'

const target = document.getElementById('app')
if (!target) throw new Error('index.html has no #app')
mount(App, { target })
