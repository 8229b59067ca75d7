"""Words that say nothing about a problem, in the languages that feedback mostly comes in; accents folded."""

_BY_LANGUAGE = {
    "en": "a about after again all also am an and any anyone anything are aren as at be because been before being"
    " both but by can cannot cant come comes could did didn do does doesn doing don done dont down each either"
    " else even ever every everyone everything few for from get gets getting give go goes going gone good got"
    " great had has hasn have haven having he hello her here hers hi him his how however i if im in instead"
    " into is isn it its itself ive just keep keeps kind know last let like ll look lot made make makes many"
    " may maybe me mean might more most much must my need needs never new no nobody none nor not nothing now"
    " of off often ok on once one only or other our ours out over own per please put quite rather re really"
    " right said same say says see seem seems shall she should since so some somebody someone something"
    " somehow soon still such sure take takes tell than thank thanks that the their theirs them then there"
    " these they thing things think this those though through to too tried try trying two under until up us"
    " use used using ve very via want wants was wasn way we well went were what when where whether which while"
    " who whole whom whose why will with within without won wont would wouldn yes yet you your yours",
    "de": "aber alle allem allen aller alles als also am an andere auch auf aus bei beim bin bis bist bitte da"
    " dabei dafur damit danke dann das dass dein dem den denn der des deshalb dich die dies diese diesem"
    " diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines einfach er es etwas euch"
    " euer fur ganz gar gegen gibt guten habe haben hallo hat hatte hatten hier ich ihm ihn ihnen ihr ihre"
    " ihrem ihren ihrer im immer in ins ist ja jede jedem jeden jeder jedes jetzt kann kein keine keinen"
    " keiner konnen konnte machen man mehr mein meine meinem meinen meiner mich mir mit muss mussen nach nicht"
    " nichts noch nun nur ob oder ohne schon sehr seid sein seine seit sich sie sind so soll sollte sondern"
    " tag uber um und uns unser unsere unserem unseren unserer unter vom von vor wann war waren warum was weil"
    " wenn wer werden wie wieder wir wird wo wurde wurden zu zum zur",
    "fr": "ai alors apres au aucun aussi autre aux avant avec avez avoir avons bien bonjour ca car ce cela ces cet"
    " cette chaque chez ci comme comment dans de depuis des deux donc du elle elles en encore entre es est et"
    " ete etes etre eu fait faire faut il ils je la le les leur leurs lui ma mais me meme merci mes moi mon ne"
    " ni nos notre nous on ont ou par parce pas peu peut peuvent plus pour pourquoi pouvez pouvoir quand que"
    " quel quelle quelles quels qui quoi sa sans se sera ses si sommes son sont sous sur ta te tes toi ton"
    " toujours tous tout toute toutes tres trop tu un une vos votre vous",
    "es": "a al algo alguna alguno ante antes asi aun aunque cada como con contra cual cuando de del desde donde"
    " dos el ella ellas ellos en entre era eran es esa ese eso esta estaba estan estar estas este esto estos"
    " fue gracias ha hace hacer han hasta hay he hola la las le les lo los mas me mi mis mucho muy nada ni no"
    " nos nosotros nuestra nuestro o otra otro para pero poco por porque puede pueden puedo que quien se sea"
    " ser si sido sin sobre son su sus tambien tan tanto te tengo tiene tienen todo todos tu tus un una uno"
    " unos usted y ya yo",
    "nl": "aan al alle alleen als altijd ben bij dan dat de deze die dit doen door dus een elke en er ga gaan geen"
    " gewoon had hallo heb hebben heeft heel het hier hij hoe hun iets ik in is ja je jullie kan kunnen maar"
    " me meer met mij mijn moet moeten na naar niet niets nog nu of om omdat onder ons onze ook op over te"
    " tegen toch tot u uit uw van veel voor want waren was wat we weer wel werd wij wil worden wordt ze zeer"
    " zich zij zijn zo zonder",
    "pt": "a ao aos aquela aquele as ate cada com como da das de dela dele depois do dos e ela ele eles em entre"
    " era essa esse esta estao estar este estou eu foi fora ha isso isto ja la lhe mais mas me mesmo meu minha"
    " muito na nada nao nas nem no nos nossa nosso num numa o obrigado ola os ou outra outro para pela pelo"
    " pode podem por porque posso pra quando que quem sao se sem ser seu seus so sobre sua suas tambem te tem"
    " temos tenho ter toda todo todos tudo um uma voce",
    "it": "a ad agli ai al alla alle allo anche ancora avere aveva c che chi ci come con cosa da dal dalla dalle"
    " dei del della delle dello di dopo dove e ed era essere fare fatto gli grazie ha hai hanno ho i il in io"
    " la le lei li lo loro lui ma mi mia mio molto ne nei nel nella nelle noi non nostra nostri nostro o ogni"
    " per perche piu po poi prima puo quando quella quello questa queste questi questo se sei senza si sia"
    " siamo sono solo su sua sui sul sulla suo tra tutti tutto un una uno vi voi",
}

STOPWORDS = frozenset(word for words in _BY_LANGUAGE.values() for word in words.split())
