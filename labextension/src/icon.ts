import { LabIcon } from '@jupyterlab/ui-components';

import svgstr from '../../zimage_lab/start/logo-svg.svg'; // one picture for the card, the tab and the kernel

/** A paper ribbon folded into a Z. */
export const studioIcon = new LabIcon({ name: 'zimage-lab:studio', svgstr });
