// What the book adds to its pages: a reading time under the title, and quizzes that can be answered and are scored.
// Without JavaScript every page reads as well: a quiz is then a list of questions with the answers folded away.
'use strict';

(() => {
    const main = document.querySelector('main');
    if (!main) return;

    /** An element with a class and a text. */
    function make(name, className, text) {
        const element = document.createElement(name);
        element.className = className;
        if (text !== undefined) element.textContent = text;
        return element;
    }

    // Reading time: 200 words a minute for prose, and two minutes for each command block of a lab.
    const title = main.querySelector('h1');
    if (title && main.querySelector('.quiz')) {
        const words = [...main.querySelectorAll('p, li, td, th, h2, h3')]
            .filter(element => !element.closest('details, .quiz') && !element.querySelector('p, li'))
            .reduce((sum, element) => sum + element.textContent.trim().split(/\s+/).length, 0);
        const labs = main.querySelectorAll('code.language-console').length;
        const read = Math.max(1, Math.round(words / 200));
        const lab = labs ? `, about ${Math.ceil(labs * 2 / 5) * 5} more with the lab` : '';
        title.after(make('p', 'reading-time', `${read} ${read === 1 ? 'minute' : 'minutes'} to read${lab}`));
    }

    document.querySelectorAll('.quiz').forEach((quiz, index) => {
        const questions = [...quiz.querySelectorAll(':scope > ol > li')];
        const score = make('p', 'quiz-score');
        score.setAttribute('role', 'status');
        let answered = 0;
        let right = 0;
        const tell = () => {
            const left = questions.length - answered;
            score.textContent = left
                ? `${right} of ${answered} right; ${left} to go.`
                : `Your score: ${right} of ${questions.length}.`;
        };

        questions.forEach((item, number) => {
            const list = item.querySelector('ul');
            const fold = item.querySelector('details');
            const wanted = fold && fold.querySelector('strong');
            if (!list || !wanted) return;
            const form = make('form', 'quiz-form');
            const set = make('fieldset', '');
            // The question is the group's name, for those who hear the page.
            const question = item.querySelector(':scope > p') || item;
            set.setAttribute('aria-label', question.textContent.trim());
            for (const option of [...list.children]) {
                const letter = option.querySelector('strong').textContent;
                const label = make('label', '');
                const radio = document.createElement('input');
                radio.type = 'radio';
                radio.name = `quiz-${index}-${number}`;
                radio.value = letter;
                const text = make('span', '');
                text.append(...(option.querySelector(':scope > p') || option).childNodes);
                label.append(radio, text);
                set.append(label);
            }
            const verdict = make('p', 'quiz-verdict');
            verdict.setAttribute('role', 'status');
            const check = make('button', '', 'Check');
            form.append(set, check, verdict);
            list.replaceWith(form);
            fold.hidden = true;
            form.addEventListener('submit', event => {
                event.preventDefault();
                const chosen = set.querySelector('input:checked');
                if (!chosen) {
                    verdict.textContent = 'Choose one first.';
                    return;
                }
                const good = chosen.value === wanted.textContent;
                answered += 1;
                right += good ? 1 : 0;
                item.classList.add(good ? 'quiz-right' : 'quiz-wrong');
                verdict.textContent = good ? 'Right.' : `Not ${chosen.value}, but ${wanted.textContent}.`;
                set.disabled = true;
                check.remove();
                fold.hidden = false;
                fold.open = true;
                tell();
                // The keyboard goes on to the next question.
                const next = questions[number + 1] && questions[number + 1].querySelector('input');
                if (next) next.focus();
            });
        });
        tell();
        quiz.append(score);
    });

    // The book listens for arrow keys to turn pages; inside a quiz they choose an answer.
    document.querySelectorAll('.quiz form').forEach(form => {
        form.addEventListener('keydown', event => event.stopPropagation());
    });
})();
